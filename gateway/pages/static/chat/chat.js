/** The chat page: its frame. */

import { byId } from "../ground/dom.js";
import { fillHeader } from "../ground/header.js";
import { guard } from "../ground/signin.js";

fillHeader(byId("header"), "/");
guard(byId("inside"), () => {});
