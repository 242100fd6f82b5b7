import { addProductionize } from '../../src/doctor/fix/add-line.js';

/** Adds the line after the first line that calls `express`. */
function add(text: string): string {
  const line = text.split('\n').findIndex((each) => /express\(\)/.test(each)) + 1;
  const added = addProductionize(text, line);
  return typeof added === 'string' ? `refused: ${added}` : added.text;
}

const own = "import { productionize } from 'express-productionize'";

it.each<[name: string, before: string, after: string]>([
  [
    'CommonJS',
    "const express = require('express');\nconst app = express();\napp.listen();\n",
    "const express = require('express');\nconst app = express();\nrequire('express-productionize').productionize(app);\napp.listen();\n",
  ],
  [
    'CommonJS without semicolons and with the line ends of Windows',
    'var api = e.express() // the app\r\n\r\napi.listen()',
    "var api = e.express() // the app\r\nrequire('express-productionize').productionize(api)\r\n\r\napi.listen()",
  ],
  [
    'an ES module with a function that creates the app',
    "import express from 'express';\nfunction make() {\n\tlet app = express();\n\treturn app;\n}\n",
    `${own};\nimport express from 'express';\nfunction make() {\n\tlet app = express();\n\tproductionize(app);\n\treturn app;\n}\n`,
  ],
  [
    'an ES module with the line for the shell',
    "#!/usr/bin/env node\nimport express from 'express'\nexport const app = express()\n",
    `#!/usr/bin/env node\n${own}\nimport express from 'express'\nexport const app = express()\nproductionize(app)\n`,
  ],
  [
    'TypeScript with a type and a mark of the byte order',
    "\ufeffimport express, { type Express } from 'express';\nconst app: Express = express();",
    `\ufeff${own};\nimport express, { type Express } from 'express';\nconst app: Express = express();\nproductionize(app);`,
  ],
])('%s gets the line after the app is created', (_name, before, after) => {
  expect(add(before)).toBe(after);
});

it.each<[name: string, text: string]>([
  ['a longer expression', 'const app = (module.exports = express());'],
  ['several variables', 'const app = express(), port = 3000;'],
  ['a call on the app', 'const app = express().use(helmet());'],
  ['a call in the next line', 'const app = express()\n  .use(helmet());'],
  ['an assignment, which may be the body of a condition', 'if (web)\n  app = express();'],
  ['an argument', 'serve(express());'],
  ['two statements in the line', 'const app = express(); app.listen();'],
  ['a comment that continues', 'const app = express(); /* the app\n of the shop */'],
  ['different ends of lines', 'const a = 1;\r\nconst app = express();\n'],
  ['the name in use', "import express from 'express';\nconst app = express();\nfunction productionize() {}"],
])('%s is left as it is', (_name, text) => {
  expect(add(text)).toMatch(/^refused: \w/);
});

it('a line that does not exist is refused', () => {
  expect(addProductionize('', 1)).toEqual(expect.stringMatching(/declaration/));
  expect(addProductionize('const app = express();', 9)).toEqual(expect.stringMatching(/declaration/));
});
