//! Stand-ins for clients of databases and mail, as small as the public projects use them. What they keep lies in files,
//! for processes share it: the URI of a database is a folder, the key of the mail service the file that mail goes to.

/// `mongodb`: a document a file, in `<uri>/<database>.<collection>/`.
const MONGODB: &str = r"
const fs = require('fs');
const path = require('path');
const { randomUUID } = require('crypto');

class Collection {
  constructor(folder) {
    this.folder = folder;
    fs.mkdirSync(folder, { recursive: true });
  }
  read() {
    const files = fs.readdirSync(this.folder).map((name) => path.join(this.folder, name));
    return files.map((file) => ({ file, document: JSON.parse(fs.readFileSync(file, 'utf8')) }));
  }
  async insertOne(document) {
    document._id ??= randomUUID();
    const file = path.join(this.folder, document._id);
    fs.writeFileSync(`${file}.new`, JSON.stringify(document));
    fs.renameSync(`${file}.new`, file);
  }
  async deleteOne(wanted) {
    const fits = ({ document }) => Object.entries(wanted).every(([name, value]) => document[name] === value);
    const found = this.read().find(fits);
    if (found) fs.unlinkSync(found.file);
    return { deletedCount: found ? 1 : 0 };
  }
  find() {
    let fields;
    const only = (document) => Object.fromEntries(fields.map((name) => [name, document[name]]));
    const cursor = {
      project: (wanted) => ((fields = Object.keys(wanted).filter((name) => wanted[name])), cursor),
      toArray: async () => this.read().map(({ document }) => (fields ? only(document) : document)),
    };
    return cursor;
  }
}

exports.MongoClient = class {
  constructor(uri) {
    this.uri = uri;
  }
  async connect() {
    if (!fs.existsSync(this.uri)) throw new Error(`no database at ${this.uri}`);
  }
  db(name) {
    return { collection: (inner) => new Collection(path.join(this.uri, `${name}.${inner}`)) };
  }
};
";

/// `@aws-sdk/client-dynamodb`: has one table, named by the key it was given.
const DYNAMODB: &str = r"
exports.ListTablesCommand = class {};
exports.DynamoDBClient = class {
  constructor({ credentials }) {
    this.credentials = credentials;
  }
  async send(command) {
    if (!(command instanceof exports.ListTablesCommand)) throw new Error('an unknown command');
    return { TableNames: [this.credentials.accessKeyId] };
  }
};
";

/// `pg`: it is always the same time there.
const PG: &str = r"
exports.Pool = class {
  constructor({ connectionString }) {
    if (!connectionString.startsWith('postgres://')) throw new Error(`no address: ${connectionString}`);
  }
  async connect() {
    return { query: async (statement) => ({ rows: [{ now: new Date(0), statement }] }) };
  }
};
";

/// Name, version and `index.js`.
pub(super) const NPM: [(&str, &str, &str); 4] = [
    ("mongodb", "5.7.0", MONGODB),
    ("mongodb", "6.1.0", MONGODB),
    ("@aws-sdk/client-dynamodb", "3.431.0", DYNAMODB),
    ("pg", "8.11.3", PG),
];

const SENDGRID: &str = r"
import json


class SendGridAPIClient:
    def __init__(self, api_key):
        self.outbox = api_key

    def send(self, mail):
        with open(self.outbox, 'ab', buffering=0) as outbox:
            outbox.write(json.dumps(mail.__dict__).encode() + b'\n')
";

const SENDGRID_MAIL: &str = r"
class Mail:
    def __init__(self, **fields):
        self.__dict__ = fields
";

/// The same database as `mongodb` above.
const PYMONGO: &str = r"
import json
import os
import uuid


class MongoClient:
    def __init__(self, uri):
        self.uri = uri

    def __getitem__(self, database):
        return Database(os.path.join(self.uri, database))


class Database:
    def __init__(self, path):
        self.path = path

    def __getitem__(self, name):
        return Collection(f'{self.path}.{name}')


class Collection:
    def __init__(self, folder):
        self.folder = folder

    def insert_one(self, document):
        os.makedirs(self.folder, exist_ok=True)
        document['_id'] = str(uuid.uuid4())
        with open(os.path.join(self.folder, document['_id']), 'w') as file:
            json.dump(document, file)

    def find(self, wanted):
        for name in sorted(os.listdir(self.folder)):
            with open(os.path.join(self.folder, name)) as file:
                yield json.load(file)
";

/// Name and files.
pub(super) const PYTHON: [(&str, &[(&str, &str)]); 2] = [
    (
        "sendgrid",
        &[("__init__.py", SENDGRID), ("helpers/__init__.py", ""), ("helpers/mail/__init__.py", SENDGRID_MAIL)],
    ),
    ("pymongo", &[("__init__.py", PYMONGO)]),
];
