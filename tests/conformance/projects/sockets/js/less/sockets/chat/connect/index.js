const { note, until_noted } = require('notes');

exports.process = async ({ connection_id, headers, query }) => {
  note('connect', { connection_id, token: headers['X-Token'], any_case: headers['x-token'], query });
  if (query.wait) await until_noted('open');
  if (query.refuse === 'throw') throw new Error('not today');
  if (query.refuse) return { statusCode: Number(query.refuse) };
};
