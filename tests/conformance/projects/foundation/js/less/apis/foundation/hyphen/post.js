// One topic, two spellings.
const { topics } = require('@chuva.io/less');

exports.process = async () => {
  await topics['a-b'].publish('hyphen');
  await topics.a_b.publish('underscore');
};
