import type { Type } from '@nestjs/common';
import { ROUTE_ARGS_METADATA } from '@nestjs/common/constants.js';
import { RouteParamtypes } from '@nestjs/common/enums/route-paramtypes.enum.js';

/** The metadata key of a class's fields in `@nestjs/swagger`, which does not export it. */
const FIELDS = 'swagger/apiModelPropertiesArray';

/** Nest's metadata of one handler argument. */
interface Argument {
  readonly index: number;
  /** The name in `@Query('name')`. */
  readonly data?: string;
}

/**
 * The query parameters of a route, from the same metadata as the OpenAPI document. A new route needs no list of its own.
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
