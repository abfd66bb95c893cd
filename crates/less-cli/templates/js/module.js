// Every handler can load this: const { greet } = require('{{name}}');
exports.greet = (name) => `Hello, ${name}.`;
