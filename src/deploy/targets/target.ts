import type { Check } from '../../support/options.js';
import type { DeploymentFacts } from '../deployment-facts.js';

/** A file for another program, without the comment that states where it comes from. */
export interface GeneratedFile {
  /** The usual name of the file, such as `Dockerfile` or `app.service`. */
  readonly name: string;
  readonly text: string;
  /** What starts a comment in this file. JSON has none: its key `description` contains the text. */
  readonly comment: '#' | '//' | 'json';
}

/** One option of a target, in code and on the command line, where its name is in kebab case. */
export interface TargetOption {
  /** The name of the value in the help, such as `<names>`. */
  readonly value: string;
  readonly help: string;
  /** Parses the text from the command line. The result is checked by `check`. */
  parse(text: string): unknown;
  readonly check: Check;
}

/** A program around the app for which files can be generated. */
export interface Target<Options extends object = object> {
  /** The line of the target in the help. */
  readonly summary: string;
  /** The version of the program from which on the file is valid, such as `nginx 1.18`. */
  readonly since: string;
  readonly options: { readonly [Name in keyof Required<Options>]: TargetOption };
  /**
   * Checks what only this program restricts: facts that its file cannot contain, and options that depend on each other.
   * Each fact and each option on its own is checked for all targets.
   *
   * @throws ProductionizeError when they are wrong.
   */
  check?(facts: DeploymentFacts, options: Options): void;
  /** A pure function of checked values: the same facts and options result in the same text. */
  generate(facts: DeploymentFacts, options: Options): readonly GeneratedFile[];
  /**
   * What must be changed in the app or on the machine so that both sides agree, one sentence each: for example
   * `app.set('trust proxy', 1)`. Empty where nothing is to be done.
   */
  advice(facts: DeploymentFacts, options: Options): readonly string[];
}
