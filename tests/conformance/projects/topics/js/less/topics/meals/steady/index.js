const { note } = require('notes');

exports.process = async (meal, { attempt }) => note('steady', { n: meal.n, attempt });
