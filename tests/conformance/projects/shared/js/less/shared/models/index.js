const { greeting } = require('base');

exports.text = `${greeting} from ${require('./deep/part')}`;
