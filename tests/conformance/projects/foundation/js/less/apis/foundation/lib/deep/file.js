exports.deep = 'from below';
