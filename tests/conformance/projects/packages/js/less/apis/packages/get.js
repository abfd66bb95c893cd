// Where three modules come from; the last can only be imported, and is required all the same.
const less = require('@chuva.io/less');
const models = require('models');
const onlyModule = require('only-module');

exports.process = async () => ({
  body: { less: less.owner ?? 'the system', models: models.owner, only_module: onlyModule.owner },
});
