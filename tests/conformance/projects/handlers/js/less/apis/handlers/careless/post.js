// A publish that fails, and that nobody awaits.
const { topics } = require('@chuva.io/less');

exports.process = async () => {
  topics.forgotten.publish('x'.repeat(300_000));
};
