// The SDK, there without installing anything.
const less = require('@chuva.io/less');

exports.process = async () => ({ body: ['topics', 'sockets', 'functions', 'kvs', 'files'].map((name) => typeof less[name]) });
