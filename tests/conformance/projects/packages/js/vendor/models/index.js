exports.owner = 'a package';
