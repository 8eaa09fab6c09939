/** Where the data lies. The address of a database holds its password: it goes to the engine and nowhere else. */
export type StoragePlace =
  | {
      readonly kind: "embedded";
      readonly folder: string;
      /** Bytes of rows of the stores that stay open. */
      readonly memory?: number;
    }
  | {
      readonly kind: "postgres";
      readonly url: string;
      /** Most connections of this process. */
      readonly connections?: number;
      /** Milliseconds that one statement may take. */
      readonly statementTimeout?: number;
      /** What PostgreSQL's own variables say where the address is silent: `PGUSER`, `PGPASSWORD`, `PGPASSFILE`. */
      readonly libpq?: Readonly<Record<string, string | undefined>>;
    };
