// Runs before each test file. The compiled part of better-sqlite3 lives as long as the process and
// keeps the error class that the first test file gave it; in the next file, which has globals of its
// own, that class is no Error. Forgetting the class makes each file give its own.
const addon = require('better-sqlite3/build/Release/better_sqlite3.node');

addon.isInitialized = false;
