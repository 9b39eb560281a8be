// Hangs of Node programs: hangs.js SCENARIO tells who plays what, prints `ready`, and stays as it is.
'use strict';

const fs = require('fs');
const { Worker, isMainThread, parentPort } = require('worker_threads');

const tell = (text) => fs.writeSync(1, text + '\n');

// The calling thread, which is about to block, plays `name`.
function role(name, call = -1) {
    const [pid, , tid] = fs.readlinkSync('/proc/thread-self').split('/');
    tell(`role ${name} ${pid} ${tid}\nwaits ${name} S ${call} -`);
}

function ready() {
    tell('ready');
    setInterval(() => {}, 1 << 30);
}

// Other threads of this process by the order in which they came: libuv's and V8's workers have no names of their own.
function others(expected) {
    const tids = fs.readdirSync('/proc/self/task').map(Number).filter((tid) => tid !== process.pid).sort((a, b) => a - b);
    tids.forEach((tid, index) => tell(`role other-${index} ${process.pid} ${tid}\nwaits other-${index} S -1 -`));
    if (tids.length < expected) throw new Error(`${tids.length} threads`);
}

// A worker that plays its part, and the main thread that has nothing to do meanwhile.
function startWorker() {
    role('main');
    new Worker(__filename, { argv: [process.argv[2]] }).once('message', ready);
}

const scenarios = {
    // Atomics.wait in a worker for a word that nobody changes.
    'node-atomics'() {
        startWorker();
    },
    // The main thread waits for a child's end and does nothing else meanwhile.
    'node-exec-sync'() {
        role('victim');
        // The child tells its part itself: nobody else is free to.
        const child = 'echo "role child $$ $$\nwaits child S -1 -\nready"; exec sleep 1000';
        require('child_process').execSync(child, { stdio: 'inherit' });
    },
    'node-idle'() {
        require('net').createServer().listen(0, '127.0.0.1', () => {
            role('victim');
            // One asynchronous file operation starts libuv's pool.
            fs.stat('/', () => setTimeout(() => { others(5); ready(); }, 50));
        });
    },
    'node-timer'() {
        role('victim');
        tell('ready');
        setTimeout(() => {}, 1e9);
    },
    // A worker without work: its own event loop is at rest.
    'node-worker-idle'() {
        startWorker();
    },
};

const inWorker = {
    'node-atomics'() {
        role('victim');
        parentPort.postMessage('told');
        Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
    },
    'node-worker-idle'() {
        role('victim');
        parentPort.postMessage('told');
        parentPort.on('message', () => {});
    },
};

const play = (isMainThread ? scenarios : inWorker)[process.argv[2]];
if (!play) {
    console.error(`hangs.js SCENARIO: one of ${Object.keys(scenarios).join(' ')}`);
    process.exit(64);
}
play();
