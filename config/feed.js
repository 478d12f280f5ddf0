// Tags of the feed's files for nginx (njs): the sha256 of the file, `-gzip` appended where it is sent compressed.
// A large file lies in a version, whose manifest has its sha256 already: only small ones are hashed here.
import crypto from 'crypto';
import fs from 'fs';

const PACKED = /\.(gz|parquet|png|woff2)$/;
const VERSION = /^(.*\/versions\/\d+\/)([^\/]+)$/;
const LEAST_GZIP_BYTES = 1024;  // below it, the header costs more than is saved

function path(r) {
    const name = r.variables.request_filename;
    return name.endsWith('/') ? name + 'index.html' : name;
}

// Size of the file, or -1 where there is none to serve.
function size(name) {
    try {
        const found = fs.statSync(name);
        return found.isFile() ? found.size : -1;
    } catch (e) {
        return -1;
    }
}

function digest(name) {
    const inVersion = VERSION.exec(name);
    if (inVersion) {
        const entry = manifest(inVersion[1]).find(file => file.name === inVersion[2]);
        if (entry) {
            return entry.sha256;
        }
    }
    return crypto.createHash('sha256').update(fs.readFileSync(name)).digest('hex');
}

function manifest(folder) {
    try {
        return JSON.parse(fs.readFileSync(folder + 'manifest.json', 'utf8')).files;
    } catch (e) {  // taken away this moment: the file itself is next
        return [];
    }
}

// One digest a request, made before the file is opened; the variables below are asked in the rewrite phase.
function known(r) {
    const name = path(r);
    if ((r.method !== 'GET' && r.method !== 'HEAD') || name.indexOf('/.') >= 0 || size(name) < 0) {
        return '';
    }
    const sha256 = digest(name);
    r.variables.feed_sha256 = sha256;
    const asked = r.headersIn['If-None-Match'];
    if (asked === undefined) {
        return '';
    }
    const held = asked.split(',').map(tag => tag.trim().replace(/^W\//, ''));
    const tags = ['*', `"${sha256}"`, `"${sha256}-gzip"`];
    return held.some(tag => tags.indexOf(tag) >= 0) ? '1' : '';
}

function form(r) {
    const name = path(r);
    return !PACKED.test(name) && size(name) >= LEAST_GZIP_BYTES && takesGzip(r.headersIn['Accept-Encoding']) ?
        'gzip' : '';
}

// Whether gzip is named, and not with q=0 (RFC 9110, 12.5.3).
function takesGzip(accepted) {
    const entry = (accepted || '').toLowerCase().split(',').map(one => one.split(';'))
        .find(one => one[0].trim() === 'gzip');
    return entry !== undefined && !/^\s*q=0(\.0*)?\s*$/.test(entry[1] || '');
}

function vary(r) {
    return PACKED.test(path(r)) ? '' : 'Accept-Encoding';
}

function tag(r) {
    const sha256 = r.variables.feed_sha256;
    if (sha256 && (r.status === 200 || r.status === 206 || r.status === 304)) {
        r.headersOut.ETag = r.variables.feed_form === 'gzip' ? `"${sha256}-gzip"` : `"${sha256}"`;
    }
}

export default { form, known, tag, vary };
