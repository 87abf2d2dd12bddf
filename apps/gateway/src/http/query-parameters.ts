import type { Type } from '@nestjs/common';
import { ROUTE_ARGS_METADATA } from '@nestjs/common/constants.js';
import { RouteParamtypes } from '@nestjs/common/enums/route-paramtypes.enum.js';

/** Where `@nestjs/swagger` notes the fields of a class. Its own name for it is not exported. */
const FIELDS = 'swagger/apiModelPropertiesArray';

/** One argument of a handler, as Nest notes it. */
interface Argument {
  readonly index: number;
  /** The parameter, of `@Query('name')`. */
  readonly data?: string;
}

/**
 * The query parameters of a route, as the OpenAPI document shows them: what is not there is not taken, and a new route
 * has nothing to add.
 *
 * @param handler the name of the method
 */
export function queryParametersOf(controller: Type, handler: string): string[] {
  const { prototype } = controller;
  const args: Record<string, Argument> = Reflect.getMetadata(ROUTE_ARGS_METADATA, controller, handler) ?? {};
  const types: Type[] = Reflect.getMetadata('design:paramtypes', prototype, handler) ?? [];
  return Object.entries(args)
    .filter(([key]) => key.startsWith(`${RouteParamtypes.QUERY}:`))
    .flatMap(([, { index, data }]) => (data === undefined ? fieldsOf(types[index]) : [data]));
}

function fieldsOf(type: Type | undefined): string[] {
  const fields: string[] = (type && Reflect.getMetadata(FIELDS, type.prototype)) ?? [];
  return fields.map(field => field.replace(/^:/, ''));
}
