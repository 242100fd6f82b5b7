// An existing Express 4 app with morgan, helmet, sessions and views, and one added line.
const path = require('node:path');
// Express 4 has this name in our package.json; in yours it is 'express'
const express = require('express4');
const session = require('express-session');
const helmet = require('helmet');
const morgan = require('morgan');

const app = express();
app.set('views', path.join(__dirname, 'views'));
app.set('view engine', 'ejs');
app.use(morgan('tiny'));
app.use(helmet());
app.use(
  session({
    name: 'sid',
    secret: process.env.SESSION_SECRET ?? 'for this example only',
    resave: false,
    saveUninitialized: false,
  }),
);

app.get('/visits/:name', (req, res) => {
  req.session.visits = (req.session.visits ?? 0) + 1;
  res.render('visits', { name: req.params.name, visits: req.session.visits });
});

// Express 4 alone would leave this request without a response, and end the process
app.get('/throws', async () => {
  throw new Error('the database is down');
});

// the added line
require('express-productionize').productionize(app);

module.exports = app;

if (require.main === module) {
  const server = app.listen(process.env.PORT ?? 3000, '127.0.0.1', () => {
    console.error(`listening on http://127.0.0.1:${server.address().port}`);
  });
}
