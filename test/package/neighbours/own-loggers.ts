// Apps that pass their own logger: winston, bunyan, and pino 8, 9 and 10.
import bunyan from 'bunyan';
import express from 'express';
import {
  currentRequest,
  errorHandler,
  gracefulShutdown,
  productionize,
  type RequestFields,
  requestLogger,
  setLogLevel,
} from 'express-productionize';
import { pino } from 'pino';
import { pino as pino8 } from 'pino-8';
import { pino as pino9 } from 'pino-9';
import { pinoHttp } from 'pino-http';
import winston from 'winston';

const loggers = {
  winston: winston.createLogger({ transports: [new winston.transports.Console()] }),
  bunyan: bunyan.createLogger({ name: 'app' }),
  pino: pino(),
  pino9: pino9(),
  pino8: pino8(),
  custom: pino({ customLevels: { audit: 35 } }),
};

productionize(express(), { logger: loggers.winston });
productionize(express(), { logger: loggers.bunyan });
productionize(express(), { logger: loggers.pino });
productionize(express(), { logger: loggers.pino9 });
productionize(express(), { logger: loggers.pino8 });
productionize(express(), { logger: loggers.custom });
productionize(express(), { logger: pinoHttp().logger });
productionize(express(), { logger: console });
for (const logger of Object.values(loggers)) {
  express().use(requestLogger({ logger }), errorHandler({ logger }));
  gracefulShutdown(express().listen(), { logger });
}
setLogLevel(loggers.pino, 'debug');
setLogLevel(loggers.pino9, 'debug');
setLogLevel(loggers.pino8, 'debug');

/** What an app with a winston adds to its requests. */
export type OwnFields = RequestFields<winston.Logger>;
currentRequest<winston.Logger>()?.log?.info('charged', { amount: 1 });
currentRequest()?.log?.info({ amount: 1 }, 'charged');
// @ts-expect-error a logger has info, warn and error
productionize(express(), { logger: { info() {} } });
