// None of its publishes is awaited.
const { topics } = require('@chuva.io/less');

exports.process = async () => {
  for (let n = 0; n < 20; n += 1) topics.forgotten.publish(n);
};
