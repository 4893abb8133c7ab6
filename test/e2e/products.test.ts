/**
 * The flows of real products against one live server, each product in a scope of its own.
 *
 * A flow sends what the product sends, field by field and with its quirks, and asserts everything that the product
 * insists on; every answer passes assertAnswerShape besides.
 */
import { after, before } from 'node:test';
import { appliances } from './products/appliances.ts';
import { arsenal } from './products/arsenal.ts';
import { ceph } from './products/ceph.ts';
import { iris } from './products/iris.ts';
import { mongodb } from './products/mongodb.ts';
import { mysqlKeyring } from './products/mysql-keyring.ts';
import { pgTde } from './products/pg-tde.ts';
import { synology } from './products/synology.ts';
import { truenas } from './products/truenas.ts';
import { vcenter } from './products/vcenter.ts';
import { Site } from './talk.ts';

const site = new Site();
before(() => site.start());
after(() => site.stop());

truenas(site);
pgTde(site);
mysqlKeyring(site);
mongodb(site);
ceph(site);
arsenal(site);
vcenter(site);
synology(site);
appliances(site);
iris(site);
