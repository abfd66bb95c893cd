const { enter } = require('people');

exports.process = async ({ connection_id, data }) => {
  await enter(connection_id, data);
};
