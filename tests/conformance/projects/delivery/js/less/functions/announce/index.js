const { topics } = require('@chuva.io/less');

exports.process = async (effect) => topics.effects.publish(effect);
