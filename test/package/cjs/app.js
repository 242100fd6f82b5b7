const assert = require('node:assert/strict');
const express = require('express');
const { productionize, report, memoryStore } = require('express-productionize');
const { nginxCache } = require('express-productionize/deploy');
const { storeConformance } = require('express-productionize/store-conformance');
const check = require('./check.js');

const app = productionize(express());
assert.equal(report(app).express, 4);
assert.match(nginxCache({ upstreams: ['127.0.0.1:3000'] }), /proxy_cache_lock on;/);
check(app);
void Promise.all(storeConformance.map(({ run }) => run(memoryStore())));
