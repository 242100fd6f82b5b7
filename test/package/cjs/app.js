const assert = require('node:assert/strict');
const express = require('express');
const { productionize, conditionReport, memoryStore } = require('express-productionize');
const { storeConformance } = require('express-productionize/store-conformance');
const check = require('./check.js');

const app = productionize(express());
assert.equal(conditionReport(app).express, 4);
check(app);
void Promise.all(storeConformance.map(({ run }) => run(memoryStore())));
