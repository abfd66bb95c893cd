const { enter } = require('people');

exports.process = async ({ connection_id, query }) => {
  await enter(connection_id, query.name);
};
