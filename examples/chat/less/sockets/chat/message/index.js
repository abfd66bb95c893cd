const { topics } = require('@chuva.io/less');
const { name_of } = require('people');

exports.process = async ({ connection_id, data }) => {
  const text = String(data ?? '').trim().slice(0, 2_000);
  if (text === '') return;
  const message = { name: await name_of(connection_id), text };
  // All in one order: nobody sees an answer before its question.
  await topics.message_sent.publish(message, { ordering_key: 'room' });
};
