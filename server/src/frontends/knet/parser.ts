/** Parses text to a tree. Never fails: every text has a tree, and the tree contains the syntax problems. */

import { EmbeddedActionsParser, type IToken } from "chevrotain";
import type { FaultKind } from "../../declared/file-problem.ts";
import { End, Stray, structure } from "./structure.ts";
import {
  Arrow,
  Atom,
  Comma,
  Compare,
  isUnclosedString,
  LBrace,
  LBracket,
  LineComment,
  lex,
  RBrace,
  RBracket,
  stringValue,
  Text,
  Word,
} from "./tokens.ts";
import { type Arg, type Block, maySilence, type Statement, type SyntaxProblem, type SyntaxTree } from "./tree.ts";

/** The content of a block or of a whole text. */
export type Content = Pick<Block, "statements" | "offsets" | "problems" | "problemCount">;

type Draft<T> = { -readonly [K in keyof T]: T[K] extends readonly (infer Item)[] ? Item[] : T[K] };

/** The shared empty list, replaced before anything is added. Not frozen: freezing slows down loops over it. */
const none: never[] = [];

const noKeyword: Arg = { kind: "word", text: "", start: 0, length: 0 };

const vocabulary = [Atom, Word, Compare, Arrow, Text, LBrace, RBrace, LBracket, RBracket, Comma, End, Stray];

function addProblem(
  owner: { problems: SyntaxProblem[]; problemCount: number },
  kind: FaultKind,
  start: number,
  text: string,
): void {
  const problem: SyntaxProblem = { kind, start, length: text.length, text };
  if (owner.problems === none) owner.problems = [problem];
  else owner.problems.push(problem);
  owner.problemCount++;
}

/**
 * The grammar of the tokens that `structure` returns. The actions are closures that are created once, so a statement costs
 * only its own objects. `statement` and `base` belong to the innermost statement, `content` and `contentBase` to the
 * innermost block; a block saves and restores them. The statements of all open blocks are on one stack, and a block copies
 * its part to a list of the exact size when it closes. While Chevrotain records the grammar, the actions run with
 * placeholder tokens; this is harmless because `read` resets the state.
 */
class KnetParser extends EmbeddedActionsParser {
  private text = "";
  private base = 0;
  private statement!: Draft<Statement>;
  private items!: Arg[];
  private content!: Draft<Pick<Content, "problems" | "problemCount">>;
  private contentBase = 0;
  private statements: Statement[] = [];
  private offsets: number[] = [];
  /** Arguments of the innermost statement: the first `argCount` entries. */
  private args: Arg[] = [];
  private argCount = 0;

  constructor(skipValidations: boolean) {
    super(vocabulary, { maxLookahead: 1, recoveryEnabled: false, skipValidations });
    this.performSelfAnalysis();
  }

  read(text: string, tokens: IToken[]): Content {
    this.text = text;
    this.input = tokens;
    this.contentBase = 0;
    this.statements = [];
    this.offsets = [];
    this.args = [];
    const content = this.contentRule();
    this.input = [];
    this.text = "";
    return content;
  }

  /** content = (Stray | statement)*; a `Stray` between statements belongs to the block. */
  private readonly contentRule = this.RULE("content", (): Draft<Content> => {
    const { content: outer } = this;
    const first = this.statements.length;
    this.content = { problems: none, problemCount: 0 };
    this.MANY(this.contentPart);
    const { problems, problemCount } = this.content;
    this.content = outer;
    return { statements: this.statements.splice(first), offsets: this.offsets.splice(first), problems, problemCount };
  });
  private readonly contentPart = (): void => {
    this.OR(this.contentForms);
  };
  private readonly contentForms = {
    IGNORE_AMBIGUITIES: true,
    DEF: [
      {
        ALT: (): void => {
          const { payload, startOffset, image } = this.CONSUME(Stray);
          addProblem(this.content, payload, startOffset - this.contentBase, image);
        },
      },
      {
        ALT: (): void => {
          const { startOffset } = this.LA(1);
          const statement = this.SUBRULE(this.statementRule);
          this.statements.push(statement);
          this.offsets.push(startOffset - this.contentBase);
          this.content.problemCount += statement.problemCount;
        },
      },
    ],
  };

  /** statement = (Atom | list | Stray)+ (LBrace content RBrace)? End? */
  private readonly statementRule = this.RULE("statement", (): Statement => {
    const statement: Draft<Statement> = {
      keyword: noKeyword,
      args: none,
      block: undefined,
      length: 0,
      problems: none,
      problemCount: 0,
    };
    this.statement = statement;
    this.base = this.LA(1).startOffset;
    this.argCount = 0;
    this.AT_LEAST_ONE(this.part);
    // `push` allocates capacity for 17 entries: with tens of thousands of statements, most of the tree would be unused
    // capacity.
    if (this.argCount > 0) statement.args = this.args.slice(0, this.argCount);
    this.OPTION1(this.block);
    this.OPTION2(this.end);
    return statement;
  });
  private readonly part = (): void => {
    this.OR(this.parts);
  };
  private readonly parts = [
    {
      ALT: (): void => {
        this.addArg(this.atom(this.CONSUME(Atom)));
      },
    },
    {
      ALT: (): void => {
        this.addArg(this.SUBRULE(this.listRule));
      },
    },
    {
      ALT: (): void => {
        const { payload, startOffset, image } = this.CONSUME(Stray);
        addProblem(this.statement, payload, startOffset - this.base, image);
      },
    },
  ];
  private readonly block = (): void => {
    const { statement, base, contentBase } = this;
    const open = this.CONSUME(LBrace);
    this.contentBase = open.startOffset;
    const { statements, offsets, problems, problemCount } = this.SUBRULE(this.contentRule);
    const close = this.CONSUME(RBrace);
    this.statement = statement;
    this.base = base;
    this.contentBase = contentBase;
    const block: Draft<Block> = {
      statements,
      offsets,
      start: open.startOffset - base,
      length: close.startOffset + close.image.length - open.startOffset,
      problems,
      problemCount,
      closed: close.image !== "",
    };
    if (!block.closed) addProblem(block, "unclosed-block", 0, open.image);
    statement.block = block;
    statement.length = block.start + block.length;
    statement.problemCount += block.problemCount;
  };
  private readonly end = (): void => {
    this.CONSUME(End);
  };

  /** list = LBracket (Atom | Comma | Stray)* RBracket */
  private readonly listRule = this.RULE("list", (): Arg => {
    const items: Arg[] = [];
    this.items = items;
    const open = this.CONSUME(LBracket);
    this.MANY(this.item);
    const close = this.CONSUME(RBracket);
    const start = open.startOffset - this.base;
    if (close.image === "") addProblem(this.statement, "unclosed-list", start, open.image);
    const end = close.startOffset + close.image.length;
    return {
      kind: "list",
      text: this.text.slice(open.startOffset, end),
      start,
      length: end - open.startOffset,
      items,
    };
  });
  private readonly item = (): void => {
    this.OR(this.itemForms);
  };
  private readonly itemForms = [
    {
      ALT: (): void => {
        this.items.push(this.atom(this.CONSUME(Atom)));
      },
    },
    {
      ALT: (): void => {
        this.CONSUME(Comma);
      },
    },
    {
      ALT: (): void => {
        const { payload, startOffset, image } = this.CONSUME(Stray);
        addProblem(this.statement, payload, startOffset - this.base, image);
      },
    },
  ];

  private addArg(arg: Arg): void {
    const { statement } = this;
    statement.length = arg.start + arg.length;
    if (statement.keyword === noKeyword) statement.keyword = arg;
    else this.args[this.argCount++] = arg;
  }

  private atom({ image, startOffset, tokenType }: IToken): Arg {
    const start = startOffset - this.base;
    const { length } = image;
    if (tokenType !== Text) return { kind: tokenType === Arrow ? "arrow" : "word", text: image, start, length };
    if (isUnclosedString(image)) addProblem(this.statement, "unclosed-string", start, image);
    return { kind: "string", text: stringValue(image), start, length };
  }
}

/** Throws if the grammar is not valid. Slow, so only a test calls it. */
export function checkGrammar(): void {
  new KnetParser(false);
}

const parser = new KnetParser(true);

/** A parsed part of a text, and whether it parses the same way in its surroundings. */
export interface Chunk extends Content {
  /** Its braces did not balance. */
  readonly repaired: boolean;
  /** Following text can belong to its last statement. */
  readonly open: boolean;
  /** It ends with a comment or string that includes following text on the same line. */
  readonly cut: boolean;
  /** It ends inside a list that following text can close. */
  readonly openList: boolean;
}

/** Parses a text that is nested in `depth` blocks. */
export function parseChunk(text: string, depth: number): Chunk {
  const { tokens, comments } = lex(text);
  const last = tokens[tokens.length - 1];
  const comment = comments[comments.length - 1];
  const cut =
    (last !== undefined && last.tokenType === Text && isUnclosedString(last.image) && endOf(last) === text.length) ||
    (comment !== undefined && comment.tokenType === LineComment && endOf(comment) === text.length);
  const openList = tokens.findLast(({ tokenType }) => bounds.has(tokenType))?.tokenType === LBracket;
  const { tokens: arranged, repaired, open } = structure(tokens, text, depth);
  return { ...parser.read(text, arranged), repaired, open, cut, openList };
}

const bounds = new Set([LBrace, RBrace, LBracket, RBracket]);

const endOf = ({ startOffset, image }: IToken): number => startOffset + image.length;

export function parse(text: string): SyntaxTree {
  const content = parser.read(text, structure(lex(text).tokens, text).tokens);
  return { text, root: { ...content, start: 0, length: text.length, closed: true }, maySilence: maySilence(text) };
}

/** Whether the content, at any depth, has a problem of this kind. */
export function hasProblem(content: Content, kind: FaultKind): boolean {
  if (content.problemCount === 0) return false;
  const found = ({ problems }: Content | Statement): boolean => problems.some((problem) => problem.kind === kind);
  return (
    found(content) ||
    content.statements.some(
      (statement) =>
        statement.problemCount > 0 &&
        (found(statement) || (statement.block !== undefined && hasProblem(statement.block, kind))),
    )
  );
}
