module.exports = 'models';
