/** Marks a function that does the same with a text as with its bytes in UTF-8. Express always hands it bytes. */
export const takesText = Symbol.for('express-productionize.takes-text');
