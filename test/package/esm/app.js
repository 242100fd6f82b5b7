import assert from 'node:assert/strict';
import express from 'express';
import { conditionReport, productionize } from 'express-productionize';
import check from './check.cjs';

const app = productionize(express());
assert.equal(conditionReport(app)?.express, 5);
check(app);
