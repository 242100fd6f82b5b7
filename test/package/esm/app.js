import assert from 'node:assert/strict';
import express from 'express';
import { memoryStore, productionize, report } from 'express-productionize';
import { varnishCache } from 'express-productionize/deploy';
import { storeConformance } from 'express-productionize/store-conformance';
import check from './check.cjs';

const app = productionize(express());
assert.equal(report(app)?.express, 5);
assert.match(varnishCache({ upstreams: ['127.0.0.1:3000'] }), /^vcl 4\.1;/);
check(app);
for (const { run } of storeConformance) await run(memoryStore());
