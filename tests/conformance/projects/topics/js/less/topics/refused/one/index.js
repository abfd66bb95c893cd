const { NonRetriableError } = require('@chuva.io/less');
const { note } = require('notes');

exports.process = async (message, { attempt }) => {
  note('refused', attempt);
  throw new NonRetriableError('never again');
};
