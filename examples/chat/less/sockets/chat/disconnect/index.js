const { leave } = require('people');

exports.process = async ({ connection_id }) => {
  await leave(connection_id);
};
