const { topics } = require('@chuva.io/less');

exports.process = async () => {
  try {
    await topics.order_placd.publish(1);
    return { body: 'taken' };
  } catch (error) {
    return { body: error.message };
  }
};
