// Calls itself as deep as it is told.
const { functions } = require('@chuva.io/less');

exports.process = async (depth) => (depth === 0 ? 0 : 1 + (await functions.descend(depth - 1)));
