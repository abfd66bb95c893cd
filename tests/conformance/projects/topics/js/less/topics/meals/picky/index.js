// Notes every attempt, then refuses what is poisoned, until somebody brings the antidote.
const { note, noted } = require('notes');

const VERSION = 1;

exports.process = async (meal, { attempt }) => {
  note('picky', { n: meal.n, attempt, at: Date.now(), version: VERSION });
  if (meal.poison && !noted('antidote')) throw new Error(`cannot stomach ${meal.n}`);
};
