// Waits for another function.
const { functions } = require('@chuva.io/less');

exports.process = async (n) => (await functions.double(n)).doubled;
