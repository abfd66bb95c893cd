const { text } = require('models');

exports.process = async () => ({ body: text });
