/** What a conversation's items make on the page: a question, what lies folded between, an answer, in the order they were said. Pure. */

/**
 * @typedef {object} Said one turn as it was said
 * @property {string | null} job whose answer it is, if a job gave it
 * @property {string[]} names of what the conversation holds of it: its job, or its items where there is none
 * @property {string} prompt empty where nobody asked
 * @property {string} answer empty where there is none
 * @property {import("./turn.js").Told | null} told of its answer
 * @property {{name: string, text: string}[]} folded instructions, calls of tools and their results
 * @property {boolean} isWhole its prompt and its answer are all of its job: another answer may take its place
 */

/**
 * @param {any[]} items oldest first
 * @returns {Said[]}
 */
export function turnsOf(items) {
  const found = [];
  const tools = new Map(items.map(({ call_id, name }) => [call_id, name]).filter(([, name]) => name));
  let turn = null;
  for (const item of items) {
    if (turn === null || begins(item, turn)) found.push(turn = begun(item));
    take(item, turn, tools);
  }
  for (const each of found) each.isWhole = isWhole(each, found);
  return found;
}

/**
 * Of a page that has more before it: how many items may belong to a turn that began there. More than half of it do not wait.
 * @param {any[]} items oldest first
 */
export function unbegun(items) {
  const at = items.findIndex(({ role }) => role === "user");
  return at > items.length / 2 ? 0 : Math.max(0, at);
}

function begun(item) {
  return { of: item.job, job: null, names: [], prompt: "", answer: "", told: null, folded: [], isWhole: false };
}

function begins(item, turn) {
  if (item.job !== turn.of || turn.told !== null) return true;
  return item.role === "user" && (turn.prompt !== "" || turn.folded.length > 0);
}

function take(item, turn, tools) {
  const name = item.job ?? item.id;
  if (!turn.names.includes(name)) turn.names.push(name);
  if (item.type === "function_call") turn.folded.push({ name: `Called ${item.name}`, text: item.arguments });
  else if (item.type === "function_call_output") turn.folded.push({ name: `Result of ${tools.get(item.call_id) ?? "a tool"}`, text: item.output });
  else if (item.role === "assistant") Object.assign(turn, { job: item.job, answer: textOf(item), told: item });
  else if (item.role === "user") turn.prompt = textOf(item);
  else turn.folded.push({ name: "Instructions", text: textOf(item) });
}

function isWhole(turn, found) {
  return turn.job !== null && turn.prompt !== "" && !turn.folded.length && found.filter(({ of }) => of === turn.job).length === 1;
}

function textOf({ content }) {
  return content.map(({ text }) => text).join("");
}
