const { topics } = require('@chuva.io/less');
const { done } = require('completion');

exports.process = async (event) => {
  console.log(`delivery partner assigned order=${event.order}`);
  await topics.delivery_partner_assigned.publish({ ...event, status: 'on its way' });
  done(5, event.order);
};
