// What lies beside a handler, and below it, belongs to it.
const { greeting } = require('greetings');
const { wanted } = require('./schema');
const { deep } = require('./lib/deep/file');

exports.process = async (request, response) => ({ ...response, body: [greeting, wanted, deep] });
