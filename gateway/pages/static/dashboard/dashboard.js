/** The dashboard: its frame. */

import { byId } from "../ground/dom.js";
import { fillHeader } from "../ground/header.js";
import { guard } from "../ground/signin.js";

fillHeader(byId("header"), "/dashboard");
guard(byId("inside"), () => {});
