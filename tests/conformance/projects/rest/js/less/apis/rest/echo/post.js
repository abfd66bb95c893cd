exports.process = require('./get').process;
