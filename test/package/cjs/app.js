const assert = require('node:assert/strict');
const express = require('express');
const { productionize, conditionReport } = require('express-productionize');
const check = require('./check.js');

const app = productionize(express());
assert.equal(conditionReport(app).express, 4);
check(app);
