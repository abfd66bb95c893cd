const { pid } = require('notes');

exports.process = async () => ({ body: { pid } });
