// What handlers tell the suite: lines in files that it reads. Whole lines survive any end of the process.
const fs = require('node:fs');
const path = require('node:path');

const file = (name) => path.join(process.env.TMPDIR, '..', 'notes', name);
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** Appends a line. */
exports.note = (name, value) => fs.appendFileSync(file(name), `${JSON.stringify(value)}\n`);

/** Is there such a note, a handler's or the suite's? */
exports.noted = (name) => fs.existsSync(file(name));

/** Resolves once there is. */
exports.until_noted = async (name) => {
  while (!exports.noted(name)) await sleep(20);
};

exports.sleep = sleep;
exports.pid = process.pid;
