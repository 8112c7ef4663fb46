/** Where a prompt stands in the queue, in words. */

/** @param {import("./asking.js").Place} place */
export function inLine({ position, waitS }) {
  const where = position === 1 ? "next in line" : `number ${position} in line`;
  return `Waiting for its turn: ${where}${waitS === null ? "" : `, ${about(waitS)}`} …`;
}

/** @param {number} seconds */
function about(seconds) {
  if (seconds < 55) return `about ${Math.max(5, 5 * Math.ceil(seconds / 5))} seconds`;
  const minutes = Math.round(seconds / 60);
  if (minutes === 1) return "about a minute";
  return minutes < 90 ? `about ${minutes} minutes` : `about ${Math.round(minutes / 60)} hours`;
}
