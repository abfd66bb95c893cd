exports.owner = 'the project';
