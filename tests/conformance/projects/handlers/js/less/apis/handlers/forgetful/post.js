// Nobody awaits its publishes, one after the other.
const { topics } = require('@chuva.io/less');

const publishAll = async () => {
  for (let n = 0; n < 20; n += 1) await topics.forgotten.publish(n);
};

exports.process = async () => {
  publishAll();
};
