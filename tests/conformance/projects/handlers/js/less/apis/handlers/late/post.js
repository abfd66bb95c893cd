// A publish after the end of its invocation.
const { topics } = require('@chuva.io/less');
const { note } = require('notes');

exports.process = async () => {
  setTimeout(async () => {
    try {
      await topics.forgotten.publish('late');
      note('late', 'taken');
    } catch (error) {
      note('late', error.message);
    }
  }, 300);
};
